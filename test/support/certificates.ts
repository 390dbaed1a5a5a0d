import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** A certificate, its key and the authority that signed it, as PEM, and the folder with their files. */
export interface Certificates {
  folder: string
  ca: string
  cert: string
  key: string
}

/** Creates an authority, and a certificate for 127.0.0.1 and localhost. Needs the openssl command. */
export function makeCertificates (folder: string): Certificates {
  const openssl = (...args: string[]): void => { execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' }) }
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  openssl('req', '-x509', ...newKey, '-days', '2', '-subj', '/CN=test authority', '-keyout', 'ca.key', '-out', 'ca.pem')
  openssl('req', '-x509', ...newKey, '-days', '2', '-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost', '-addext', 'basicConstraints=critical,CA:FALSE', '-CA', 'ca.pem', '-CAkey', 'ca.key', '-keyout', 'server.key', '-out', 'server.pem')
  const read = (name: string): string => readFileSync(join(folder, name), 'utf8')
  return { folder, ca: read('ca.pem'), cert: read('server.pem'), key: read('server.key') }
}
