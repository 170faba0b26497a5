// What the theme leaves to be named: the search button by all of its text, each
// example that can be scrolled by its number, and tables that can be scrolled
// by the keyboard.
addEventListener("DOMContentLoaded", () => {
  for (const button of document.querySelectorAll("button[data-open-modal]"))
    button.setAttribute("aria-label", button.textContent.replaceAll(/\s+/g, " ").trim())

  const examples = [...document.querySelectorAll("pre[data-language]")]
  const name = (example) => {
    if (example.getAttribute("role") === "region")
      example.setAttribute("aria-label", `Example ${examples.indexOf(example) + 1}`)
    else example.removeAttribute("aria-label")
  }
  const observer = new MutationObserver((changes) => changes.forEach(({ target }) => name(target)))
  for (const example of examples) {
    // Until the theme has had time to look which of them can be scrolled, the keyboard reaches them all.
    example.tabIndex = 0
    name(example)
    observer.observe(example, { attributes: true, attributeFilter: ["role"] })
  }

  for (const table of document.querySelectorAll("main table")) table.tabIndex = 0
})
