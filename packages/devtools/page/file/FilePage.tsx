/** Opens a file of recordings, and lists them with their explanations. */
import { type Explained, file, open } from "../state/file.ts"
import { hrefOf } from "../state/route.ts"
import { StateName } from "../words/StateName.tsx"

const Picker = () => {
  const take = (event: { readonly currentTarget: HTMLInputElement }) => {
    const [given] = event.currentTarget.files ?? []
    if (given !== undefined) void open(given)
  }
  return (
    <label class="drop">
      <b>Drop a recording here</b>
      <span class="faint">or choose a file. It is read in this page, and goes nowhere.</span>
      <input type="file" accept=".ndjson,.jsonl,.kbr,.txt,application/x-ndjson" onChange={take} />
    </label>
  )
}

const RecordingRow = ({ explained, index }: { readonly explained: Explained; readonly index: number }) => {
  const { explanation, recording } = explained
  return (
    <tr>
      <th scope="row">
        <a href={hrefOf({ page: "file", index })}>{recording.connection.name}</a>
      </th>
      <td>
        <StateName state={recording.state._tag} />
      </td>
      <td>
        <span class="blame">{explanation.blame}</span>
      </td>
      <td class="clip">{explanation.because}</td>
    </tr>
  )
}

export const FilePage = () => {
  const opened = file.value
  return (
    <div class="sheet">
      <Picker />
      {opened?.complaint === undefined ? null : (
        <p class="complaint" role="alert">
          {opened.name}: {opened.complaint}
        </p>
      )}
      {opened === undefined || opened.recordings.length === 0 ? null : (
        <table class="plain">
          <caption>{opened.name}</caption>
          <thead>
            <tr>
              <th scope="col">name</th>
              <th scope="col">state</th>
              <th scope="col">blame</th>
              <th scope="col">because</th>
            </tr>
          </thead>
          <tbody>
            {opened.recordings.map((explained, index) => (
              <RecordingRow key={index} explained={explained} index={index} />
            ))}
          </tbody>
        </table>
      )}
    </div>
  )
}
