// Proves what RotationTraffic.test.ts proves, over a thousand rotations of each kind.
import { rotating } from "./rotationModel.ts"

rotating(1_000)
