/**
 * Proves over random histories that a feed's book is right for what the venue has
 * published or says that it is not, whatever is cut, lost, doubled, garbled or
 * rotated; that it is right again in the end; and that its reader of changes can
 * rebuild it. `SEED=n` starts with that seed, `RUNS=n` says how many run.
 */
import { histories } from "./support/feedHistories.ts"

histories(2)
