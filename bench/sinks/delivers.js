/** A delivery sink that delivers at once, or fails each time. */
export default function delivers ({ fails = false } = {}) {
  return {
    keepsNothing: true,
    async send () {
      if (fails) throw new Error('ordered')
    }
  }
}
