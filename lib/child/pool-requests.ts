const POOL_REQUESTS = new Set(['FSReqCallback', 'FSReqPromise', 'GetAddrInfoReqWrap', 'GetNameInfoReqWrap'])

/**
 * Whether this thread has any file or name request in libuv's pool, which has four threads for the whole process. A request that hangs
 * there can be neither cancelled nor told apart from others.
 */
export function hasPoolRequests (): boolean {
  return process.getActiveResourcesInfo().some(name => POOL_REQUESTS.has(name))
}
