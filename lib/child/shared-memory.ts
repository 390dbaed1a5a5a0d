const MAX_SPARES_OF_A_SIZE = 4

const spares = new Map<number, SharedArrayBuffer[]>()

/**
 * Memory for a thread to have in common with this one, in bytes: what a thread that has ended gave back, if there is any.
 * V8 would let go of it too, but late: of a sink that is started again and again it lets tens of megabytes pile up.
 */
export function takeSharedMemory (size: number): SharedArrayBuffer {
  return spares.get(size)?.pop() ?? new SharedArrayBuffer(size)
}

/** For the next thread; the one that had it must have ended. */
export function giveSharedMemoryBack (memory: SharedArrayBuffer): void {
  const ofThatSize = spares.get(memory.byteLength) ?? []
  if (ofThatSize.length < MAX_SPARES_OF_A_SIZE) ofThatSize.push(memory)
  spares.set(memory.byteLength, ofThatSize)
}
