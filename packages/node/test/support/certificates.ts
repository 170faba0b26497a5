/**
 * The certificates in `test/certificates`, read as PEM.
 */
import { readFileSync } from "node:fs"

const pem = (name: string): string => readFileSync(new URL(`../certificates/${name}`, import.meta.url), "utf8")

export const authority = pem("ca.pem")

export const identity = (name: "good" | "wronghost" | "expired" | "selfsigned") => ({
  cert: pem(`${name}.pem`),
  key: pem(`${name}.key`)
})

export const client = { cert: pem("client.pem"), key: pem("client.encrypted.key"), passphrase: "test-passphrase" }
