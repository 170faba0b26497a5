/** What HTTP calls a token: the name of a header, or of a subprotocol. */
export const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
