/** The tests in a real browser: `pnpm test:browser`, apart from the quick ones. */
import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    name: "chromium",
    include: ["test/chromium/*.spec.ts"],
    fileParallelism: false,
    testTimeout: 30_000,
    hookTimeout: 60_000
  }
})
