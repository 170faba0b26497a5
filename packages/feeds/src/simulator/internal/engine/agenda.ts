/** Things to do later, in order of time and then of arrival. */

export interface Task {
  time: number
  order: number
  readonly run: (now: number) => void
  /** A task that was called off stays in the heap until its time. */
  off: boolean
}

const before = (a: Task, b: Task): boolean => a.time < b.time || (a.time === b.time && a.order < b.order)

export class Agenda {
  private readonly heap: Array<Task> = []
  private order = 0

  /** When the first task is due. */
  get next(): number | undefined {
    while (this.heap[0]?.off === true) this.pop()
    return this.heap[0]?.time
  }

  at(time: number, run: (now: number) => void): Task {
    const task: Task = { time, order: 0, run, off: false }
    this.put(task)
    return task
  }

  /** Does a task that has run once more at another time. */
  again(task: Task, time: number): void {
    task.time = time
    this.put(task)
  }

  /** The first task that is due at a time, taken out. */
  due(now: number): Task | undefined {
    const next = this.next
    return next === undefined || next > now ? undefined : this.pop()
  }

  private put(task: Task): void {
    task.order = this.order++
    const { heap } = this
    let at = heap.length
    heap.push(task)
    while (at > 0) {
      const parent = (at - 1) >> 1
      const above = heap[parent]
      if (above === undefined || before(above, task)) break
      heap[at] = above
      at = parent
    }
    heap[at] = task
  }

  private pop(): Task | undefined {
    const { heap } = this
    const top = heap[0]
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return top
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      const [left, right] = [heap[child], heap[child + 1]]
      if (left !== undefined && right !== undefined && before(right, left)) child++
      const found = heap[child]
      if (found === undefined || before(last, found)) break
      heap[at] = found
      at = child
    }
    heap[at] = last
    return top
  }
}
