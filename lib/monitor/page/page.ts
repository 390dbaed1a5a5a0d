/** The page at `/`. */
export const page: { html: string, headers: Record<string, string> } = {
  html: '<!doctype html><title>pino-breaker-fanout</title>\n',
  headers: { 'content-type': 'text/html; charset=utf-8' }
}
