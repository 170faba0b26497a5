/**
 * The ways in which a peer can break the protocol (RFC 6455). Each has the code
 * by which `ws` reports it, so that one table serves both ways of reading; and
 * the status that the close frame about it carries.
 */

interface About {
  readonly status: number
  readonly issue: string
}

const violations = {
  WS_ERR_EXPECTED_FIN: { status: 1002, issue: "a control frame was fragmented" },
  WS_ERR_INVALID_CLOSE_CODE: { status: 1002, issue: "a close frame carried an invalid code" },
  WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH: { status: 1002, issue: "a control frame was too long" },
  WS_ERR_INVALID_OPCODE: { status: 1002, issue: "a frame had an opcode that is unknown or out of place" },
  WS_ERR_INVALID_UTF8: { status: 1007, issue: "a text was not valid UTF-8" },
  WS_ERR_TOO_MANY_BUFFERED_PARTS: { status: 1008, issue: "a message came in too many fragments" },
  WS_ERR_UNEXPECTED_MASK: { status: 1002, issue: "a frame was masked" },
  WS_ERR_UNEXPECTED_RSV_1: { status: 1002, issue: "a frame had a reserved bit set (RSV1)" },
  WS_ERR_UNEXPECTED_RSV_2_3: { status: 1002, issue: "a frame had a reserved bit set (RSV2 or RSV3)" },
  WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH: { status: 1009, issue: "a frame was longer than a number can count" },
  WS_ERR_UNSUPPORTED_MESSAGE_LENGTH: { status: 1009, issue: "a message was larger than the limit" }
} as const satisfies Readonly<Record<string, About>>

export type Violation = keyof typeof violations

/** What is known of a violation by its code, if it is one. */
export const aboutViolation = (code: string): About | undefined =>
  Object.hasOwn(violations, code) ? violations[code as Violation] : undefined

/** The status of the close frame that answers it. */
export const statusOf = (violation: Violation): number => violations[violation].status
