/** What the bundler turns the elements of the page into: calls of `h` take less room than the automatic runtime's. */
export { Fragment, h } from "preact"
