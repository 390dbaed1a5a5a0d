const POOL_REQUESTS = new Set(['FSReqCallback', 'FSReqPromise', 'GetAddrInfoReqWrap', 'GetNameInfoReqWrap'])

/**
 * True if this thread has a file or name request in libuv's pool, which has four threads for the whole process. A request that hangs
 * there cannot be cancelled, and cannot be told from others.
 */
export function hasPoolRequests (): boolean {
  return process.getActiveResourcesInfo().some(name => POOL_REQUESTS.has(name))
}
