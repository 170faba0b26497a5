/**
 * Market data from exchanges on Kharbranth: venues as data, topics, and books
 * that are right or say that they are not.
 *
 * @since 0.1.0
 */
export {}
