/** How long ago a moment of the program is, counting up. */
import { second } from "../state/tick.ts"
import { span } from "./numbers.ts"

/** `since`: Unix milliseconds, by the program's clock. */
export const Age = ({ since }: { readonly since: number }) => <>{span(Math.max(0, second.value - since))}</>
