/** The question before a command, the list of keys, and the line that says what became of a command. */
import type { ComponentChildren } from "preact"
import { useEffect, useRef } from "preact/hooks"
import { confirming, notice, perform } from "../state/asking.ts"
import { helping, keys } from "./keys.ts"

const Modal = (props: { readonly title: string; readonly close: () => void; readonly children: ComponentChildren }) => {
  const ref = useRef<HTMLDialogElement>(null)
  useEffect(() => {
    const before = document.activeElement
    ref.current?.showModal()
    return () => {
      if (before instanceof HTMLElement) before.focus()
    }
  }, [])
  return (
    <dialog ref={ref} aria-label={props.title} onClose={props.close}>
      {props.children}
    </dialog>
  )
}

const Confirm = () => {
  const deed = confirming.value
  if (deed === undefined) return null
  const close = () => (confirming.value = undefined)
  const yes = () => {
    close()
    perform(deed)
  }
  return (
    <Modal title={`${deed.verb} ${deed.of}?`} close={close}>
      <h2>
        {deed.verb} <b>{deed.of}</b>?
      </h2>
      <p>{deed.effect}</p>
      <div class="buttons end">
        <button type="button" onClick={close}>
          Cancel
        </button>
        <button type="button" class="primary" autofocus onClick={yes}>
          {deed.verb}
        </button>
      </div>
    </Modal>
  )
}

const Help = () => {
  if (!helping.value) return null
  const close = () => (helping.value = false)
  return (
    <Modal title="Keys" close={close}>
      <h2>Keys</h2>
      <dl class="keys">
        {keys.map(([key, does]) => (
          <div key={key}>
            <dt>
              {key.split("  ").map((one) => (
                <kbd key={one}>{one}</kbd>
              ))}
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
      <div class="buttons end">
        <button type="button" autofocus onClick={close}>
          Close
        </button>
      </div>
    </Modal>
  )
}

const Notice = () => (
  <div class="notice" role="status" data-ok={notice.value?.ok} hidden={notice.value === undefined}>
    {notice.value?.text}
  </div>
)

export const Dialogs = () => (
  <>
    <Confirm />
    <Help />
    <Notice />
  </>
)
