/** The frame of every page: where one is, how the program does, and the page itself. */
import { BudgetPage } from "../budget/BudgetPage.tsx"
import { FilePage } from "../file/FilePage.tsx"
import { FleetPage } from "../fleet/FleetPage.tsx"
import { TopLine } from "../fleet/TopLine.tsx"
import { ConnectionPage } from "../one/ConnectionPage.tsx"
import { hello, link } from "../state/live.ts"
import { hrefOf, type Route, route } from "../state/route.ts"
import { Banner } from "./Banner.tsx"
import { Dialogs } from "./Dialogs.tsx"
import { helping } from "./keys.ts"

const Tab = ({
  is,
  text,
  to
}: {
  readonly to: Route
  readonly is: ReadonlyArray<Route["page"]>
  readonly text: string
}) => (
  <a href={hrefOf(to)} aria-current={is.includes(route.value.page) ? "page" : undefined}>
    {text}
  </a>
)

const Header = () => (
  <header>
    <h1>
      {hello.value?.title ?? "Kharbranth"}
      <i class="pulse" data-is={link.value.is} />
    </h1>
    <nav aria-label="Pages">
      <Tab to={{ page: "fleet" }} is={["fleet", "connection"]} text="Connections" />
      <Tab to={{ page: "budget" }} is={["budget"]} text="Budget" />
      <Tab to={{ page: "file", index: undefined }} is={["file"]} text="File" />
    </nav>
    <Versions />
    <button type="button" class="quiet" onClick={() => (helping.value = true)} aria-label="Keys">
      <kbd>?</kbd>
    </button>
  </header>
)

const Versions = () => {
  const versions = hello.value?.versions
  return (
    <p class="versions">
      {versions === undefined
        ? ""
        : `kharbranth ${versions.kharbranth} · effect ${versions.effect} · ${versions.runtime}`}
    </p>
  )
}

const Page = () => {
  const at = route.value
  switch (at.page) {
    case "fleet":
      return <FleetPage />
    case "connection":
      return <ConnectionPage />
    case "budget":
      return <BudgetPage />
    case "file":
      return at.index === undefined ? <FilePage /> : <ConnectionPage />
  }
}

export const App = () => (
  <>
    <Header />
    <Banner />
    {["fleet", "budget"].includes(route.value.page) ? <TopLine /> : null}
    <main data-page={route.value.page}>
      <Page />
    </main>
    <Dialogs />
  </>
)
