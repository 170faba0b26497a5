/** The tests of the built site in a real browser: `pnpm test:browser`, apart from the quick ones. */
import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    name: "site",
    include: ["test/*.spec.ts"],
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 200_000,
    reporters: ["default"]
  }
})
