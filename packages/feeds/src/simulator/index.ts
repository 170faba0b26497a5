/**
 * A simulated venue for tests of feeds.
 *
 * @since 0.1.0
 */
export {}
