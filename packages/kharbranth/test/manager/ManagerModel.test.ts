// Proves the manager against a simple model: random commands, one after the
// other, leave exactly the names and tags that a plain Map would have, and every
// answer is the model's; and the same commands from many fibers at once, shaken
// by random yields, never show two live sockets of one name, leave no entry that
// cannot be closed, and nothing at the end. The seed is in every message.
import { races, sequential } from "./managerModel.ts"

sequential(60)
races(60)
