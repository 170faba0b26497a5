/** The site: Starlight over the content that `generate/main.ts` writes. It builds without a network. */
import starlight from "@astrojs/starlight"
import { pluginCollapsibleSections } from "@expressive-code/plugin-collapsible-sections"
import { defineConfig, passthroughImageService } from "astro/config"
import { readFileSync } from "node:fs"
import { baseOf, type Group } from "./generate/sidebar.ts"

const accessible = readFileSync(new URL("src/accessible.js", import.meta.url), "utf8")
const groups: ReadonlyArray<Group> = JSON.parse(readFileSync(new URL("src/sidebar.json", import.meta.url), "utf8"))

export default defineConfig({
  base: baseOf(process.env),
  trailingSlash: "always",
  image: { service: passthroughImageService() },
  integrations: [
    starlight({
      title: "Kharbranth",
      description: "WebSocket connections for Effect that outlive their sockets.",
      customCss: ["./src/site.css"],
      credits: false,
      head: [{ tag: "script", content: accessible }],
      expressiveCode: { plugins: [pluginCollapsibleSections()] },
      sidebar: [
        ...groups.slice(0, 1).map(({ items, label }) => ({
          label,
          items: [...items.map((item) => ({ ...item })), { label: "Break it", link: "/break-it/" }]
        })),
        ...groups.slice(1).map(({ collapsed, items, label }) => ({
          label,
          collapsed,
          items: items.map((item) => ({ ...item }))
        }))
      ]
    })
  ]
})
