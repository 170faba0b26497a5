/** The tests of the page in a real browser: `pnpm test:browser`, apart from the quick ones. */
import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    name: "dashboard",
    include: ["test/chromium/*.spec.ts"],
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 120_000
  }
})
