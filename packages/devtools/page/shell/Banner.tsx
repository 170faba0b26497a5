/** How the page stands to the program, where that is not simply well. */
import { link } from "../state/live.ts"

const Text = () => {
  const now = link.value
  switch (now.is) {
    case "live":
    case "none":
      return null
    case "dialing":
      return <>connecting to the program …</>
    case "retrying":
    case "away":
      return <>the program is away: the page dials it again every second</>
    case "refused":
      return <>the program does not know this browser: open the address that it printed when it started</>
    case "differs":
      return (
        <>
          page and app differ: the program speaks another version of this dashboard.{" "}
          <button type="button" onClick={() => location.reload()}>
            Load its page
          </button>
        </>
      )
    case "broken":
      return <>{now.text}</>
  }
}

export const Banner = () => {
  const { is } = link.value
  const isShown = is !== "live" && is !== "none"
  return (
    <div class="banner" role="status" data-is={is} hidden={!isShown}>
      <Text />
    </div>
  )
}
