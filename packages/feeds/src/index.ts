/**
 * Market data from exchanges on Kharbranth: venues as data, topics, and books
 * that are right or say that they are not.
 *
 * @since 0.1.0
 */
export * as Book from "./Book.ts"
export * as Checksum from "./Checksum.ts"
export * as Depth from "./Depth.ts"
export * as Feed from "./Feed.ts"
export * as FeedError from "./FeedError.ts"
export * as FeedEvent from "./FeedEvent.ts"
export * as Recording from "./Recording.ts"
export * as Rest from "./Rest.ts"
export * as Sequencer from "./Sequencer.ts"
export * as Topic from "./Topic.ts"
export * as Venue from "./Venue.ts"
export * as Venues from "./Venues.ts"
