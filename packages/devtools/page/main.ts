/** Starts the page: what the program says goes into the signals, and the signals into the document. */
import { start } from "./shell/start.tsx"

start(document.querySelector("#page")!)
