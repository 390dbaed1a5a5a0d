/** Whether a status says that all is well. */
export function isSuccess (status: number): boolean {
  return status >= 200 && status < 300
}
