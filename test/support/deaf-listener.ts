import type { ChildListener } from '#lib/child/child'

const nothing = (): void => {}
/** Hears nothing. A test spreads it, and hears what it is about. */
export const deaf: ChildListener = {
  onReady: nothing,
  onAccepted: nothing,
  onDelivered: nothing,
  onAnswered: nothing,
  onSensed: nothing,
  onSetback: nothing,
  onRefused: nothing,
  onSettled: nothing,
  onFailure: nothing,
  onLateDelivery: nothing,
  onLateFault: nothing,
  onEnded: nothing,
  onEvent: nothing
}
