/** Calls code that users gave. Its type may promise a value; it can still throw. */

/** What `run` returns, or what `otherwise` makes of what it threw. */
export const attempt = <A, B>(run: () => A, otherwise: (thrown: unknown) => B): A | B => {
  try {
    return run()
  } catch (thrown) {
    return otherwise(thrown)
  }
}

/** The same function, made once, that returns what `otherwise` gives instead of throwing. */
export const total =
  <Args extends ReadonlyArray<unknown>, A, B>(
    run: (...args: Args) => A,
    otherwise: (thrown: unknown) => B
  ): ((...args: Args) => A | B) =>
  (...args) => {
    try {
      return run(...args)
    } catch (thrown) {
      return otherwise(thrown)
    }
  }
