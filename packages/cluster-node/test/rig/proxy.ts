/** The way from one process to the database, which can be cut as a network is: nothing is closed, nothing arrives. */
import { connect, createServer, type Server, type Socket } from "node:net"

export class Proxy {
  readonly port: number
  private readonly server: Server
  private readonly sockets: Set<Socket>
  private isCut = false

  private constructor(server: Server, sockets: Set<Socket>, port: number) {
    this.server = server
    this.sockets = sockets
    this.port = port
  }

  static async create(target: number): Promise<Proxy> {
    const sockets = new Set<Socket>()
    const server = createServer({ allowHalfOpen: false })
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()))
    const { port } = server.address() as { readonly port: number }
    const proxy = new Proxy(server, sockets, port)
    server.on("connection", (near) => {
      const far = connect(target, "127.0.0.1")
      for (const [one, other] of [
        [near, far],
        [far, near]
      ] as const) {
        sockets.add(one)
        one.setNoDelay(true)
        one.on("data", (bytes) => void other.write(bytes))
        one.on("error", () => one.destroy())
        one.on("close", () => {
          sockets.delete(one)
          if (!proxy.isCut) other.destroy()
        })
        if (proxy.isCut) one.pause()
      }
    })
    return proxy
  }

  cut(): void {
    this.isCut = true
    for (const socket of this.sockets) socket.pause()
  }

  heal(): void {
    this.isCut = false
    for (const socket of this.sockets) socket.resume()
  }

  close(): void {
    for (const socket of this.sockets) socket.destroy()
    this.server.close()
  }
}
