/**
 * Sockets that read into one piece of memory, which all of them share: a read is
 * dealt with before the next one begins. Memory of its own for each read, up to
 * 64 KiB, costs more than reading the frames in it.
 *
 * Until a wire takes the socket over, its stream gets copies, for the upgrade.
 */
import type * as Net from "node:net"

/** Where a socket keeps what reads it. */
export const readerKey = Symbol("kharbranth/reader")

/** A socket that hands what it read to the reader it has, which says whether to go on. */
export interface ReadSocket extends Net.Socket {
  [readerKey]?: { read(bytes: Buffer): boolean }
}

const memory = Buffer.allocUnsafeSlow(65_536)

// Windows reads ahead: there several reads may have their memory at once.
const canShare = process.platform !== "win32"

/** Opens a socket that reads into the shared memory. */
export const openShared = <S extends Net.Socket>(open: (shared: { readonly onread?: Net.OnReadOpts }) => S): S => {
  if (!canShare) return open({})
  const onRead = (size: number): boolean => {
    const bytes = memory.subarray(0, size)
    return (socket as ReadSocket)[readerKey]?.read(bytes) ?? socket.push(Buffer.from(bytes))
  }
  const socket = open({ onread: { buffer: memory, callback: onRead } })
  return socket
}
