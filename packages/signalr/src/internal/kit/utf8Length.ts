/** The length of a text in UTF-8 bytes, without encoding it. */
export const utf8Length = (text: string): number => {
  let size = text.length
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0x80) continue
    // Halves of a surrogate pair count two bytes each: four for the pair.
    size += unit < 0x800 || (unit >= 0xd800 && unit < 0xe000) ? 1 : 2
  }
  return size
}
