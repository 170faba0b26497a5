/** The change that is planted into the store's model now, if any. */
import type * as Model from "../../src/internal/store/model.ts"

export const planted: { change: ((model: typeof Model) => Partial<typeof Model>) | undefined } = { change: undefined }
