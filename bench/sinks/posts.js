/** A delivery sink that posts each batch. */
export default function posts ({ url }) {
  return {
    async send ({ text }, { signal }) {
      const response = await fetch(url, { method: 'POST', body: text, signal })
      await response.arrayBuffer()
      if (!response.ok) throw Object.assign(new Error(`answered ${response.status}`), { statusCode: response.status })
    }
  }
}
