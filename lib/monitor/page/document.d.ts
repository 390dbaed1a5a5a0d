// scripts/page.mjs makes this module of page.html, page.css and script/.

/** The whole page: one HTML document with its style and its script inside. */
export const html: string
/** SHA-256 of the style and of the script, in base64, as a content security policy names them. */
export const styleHash: string
export const scriptHash: string
