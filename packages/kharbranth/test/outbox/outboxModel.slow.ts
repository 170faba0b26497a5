// Proves of random lives of an outbox what outboxModel.test.ts proves, in more of them.
import { lives } from "./outboxModel.ts"

lives(400)
