// scripts/host-source.mjs makes this module of thread-host.ts and what that imports.

/** The thread host as one script that needs no other file. */
export declare const source: string
