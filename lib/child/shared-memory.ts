const MAX_SPARES_OF_A_SIZE = 4

const spares = new Map<number, SharedArrayBuffer[]>()

/**
 * Memory of this many bytes to share with another thread. Memory that was given back is used again: V8 collects it late, and tens of
 * megabytes would pile up for a sink that restarts again and again.
 */
export function takeSharedMemory (size: number): SharedArrayBuffer {
  return spares.get(size)?.pop() ?? new SharedArrayBuffer(size)
}

/** Gives memory back for another thread. The thread that used it must have ended. */
export function giveSharedMemoryBack (memory: SharedArrayBuffer): void {
  const ofThatSize = spares.get(memory.byteLength) ?? []
  if (ofThatSize.length < MAX_SPARES_OF_A_SIZE) ofThatSize.push(memory)
  spares.set(memory.byteLength, ofThatSize)
}
