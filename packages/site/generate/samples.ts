/** A package whose reference must have one fault of each kind, to show on every run that they are found. */
import type { Export, Module, Package } from "./modules.ts"
import { render } from "./reference.ts"

const made = (name: string, text: string, signature = `const ${name}: string`): Export => ({
  name,
  kind: "const",
  signature,
  doc: { text, category: "samples", examples: [] }
})

const module: Module = {
  entry: "sample/Sample",
  name: "Sample",
  file: "Sample.d.ts",
  doc: { text: "A sample.", category: "", examples: [] },
  exports: [
    made("right", "It is right, as {@link silent} is not.", "const right: Duration.Duration"),
    made("silent", ""),
    made("linked", "See {@link gone}."),
    made("leaking", "It leaks.", "const leaking: Inner"),
    made("hiding", "It hides.", "const hiding: Hidden")
  ],
  imports: new Map([
    ["Inner", ["./internal/inner.ts", "Inner"]],
    ["Duration", ["effect/Duration", "*"]]
  ]),
  hidden: new Set(["Hidden"])
}

const sample: Package = { name: "sample", folder: "sample", modules: [module] }

const expected = [
  "sample/Sample silent has no sentence",
  "sample/Sample linked links to gone, which is not there",
  "sample/Sample shows the internal name Inner",
  "sample/Sample shows Hidden, which it does not export"
]

/** What the reference does not find in the sample, and what it finds without reason. */
export const blindness = (): ReadonlyArray<string> => {
  const { faults } = render([sample], "/")
  return [
    ...expected.filter((fault) => !faults.includes(fault)).map((fault) => `the reference did not find: ${fault}`),
    ...faults
      .filter((fault) => !expected.includes(fault))
      .map((fault) => `the reference complains for nothing: ${fault}`)
  ]
}
