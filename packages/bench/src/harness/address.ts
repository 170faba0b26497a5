/**
 * Where clients dial. Ten thousand connections a round would use up the ports
 * of one address, so each sample may take a loopback address of its own.
 */
let next = 0

export const loopback = (port: number, path: string): string => {
  next = (next + 1) % 250
  return `ws://127.0.0.${next + 2}:${port}${path}`
}
