/** What became of a request. */
export type Outcome =
  | { readonly kind: 'done' }
  /** The monitor wants a token, or another one. */
  | { readonly kind: 'unauthorized' }
  | { readonly kind: 'failed', readonly message: string }

const LIMIT_MS = 10_000

/** Sends actions to the monitor. The token is in memory only, and is gone with the page. */
export class Requests {
  #token: string | undefined

  get hasToken (): boolean {
    return this.#token !== undefined
  }

  use (token: string): void {
    this.#token = token
  }

  async post (path: string, body?: Readonly<Record<string, string | number>>): Promise<Outcome> {
    const headers = new Headers()
    if (body !== undefined) headers.set('content-type', 'application/json')
    if (this.#token !== undefined) headers.set('authorization', `Basic ${basicOf(this.#token)}`)
    try {
      const response = await fetch(path, { method: 'POST', headers, body: body === undefined ? null : JSON.stringify(body), cache: 'no-store', signal: AbortSignal.timeout(LIMIT_MS) })
      if (response.ok) return { kind: 'done' }
      if (response.status === 401) return { kind: 'unauthorized' }
      return { kind: 'failed', message: await messageOf(response) }
    } catch (error) {
      return { kind: 'failed', message: error instanceof DOMException && error.name === 'TimeoutError' ? 'The monitor did not answer within 10 s.' : 'The monitor cannot be reached.' }
    }
  }
}

/** The token as the password of nobody (RFC 7617). A bearer token could hold no space and nothing beyond ASCII. */
function basicOf (token: string): string {
  return btoa(Array.from(new TextEncoder().encode(`:${token}`), byte => String.fromCharCode(byte)).join(''))
}

/** Errors of the monitor are `{"error":{"code":"…","message":"…"}}`. */
async function messageOf (response: Response): Promise<string> {
  try {
    const { error } = await response.json() as { error: { message: string } }
    return String(error.message)
  } catch {
    return `The monitor answered ${response.status}.`
  }
}
