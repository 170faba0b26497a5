/**
 * The checks of options that this program gets: `full.ts`, or `light.ts` where
 * the bundler of a page builds for production. The manifest's `imports` decide.
 */
export * from "#checks"
