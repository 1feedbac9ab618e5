/** One of several that are served alike. */
export interface Turn {
  readonly name: string
  /** Crops that it has had, in the virtual time of its turns: what it would have had under equal parts from the start. */
  served: number
}

/** Those of one level that wait, each with what it has had. */
export interface FairTurns<Member extends Turn> {
  /** Those that wait. */
  readonly size: number
  find(name: string): Member | undefined
  /** Adds one that begins to wait: `create` is given what it counts as having had. */
  join(name: string, create: (served: number) => Member): Member
  /** Takes one out that waits no more. While others wait it is remembered by how much it is ahead of them. */
  leave(member: Member): void
  /** Visits those that may be served now: at least one where any waits. */
  eachEligible(visit: (member: Member) => void): void
  /** How many crops one may have before another is looked at: at least 1. */
  allowance(member: Member): number
  /** Counts crops that one has had. */
  serve(member: Member, crops: number): void
}

/**
 * Equal parts for all that wait, after eligible earliest virtual deadline first (Stoica and Abdel-Wahab, TR-95-22, 1995), counted in
 * crops: each may run ahead of its part by `aheadCrops` at most, so none falls behind its own by more than that times the number of the
 * others. Time without crops earns no credit, and does not make up for being ahead while others wait.
 */
export function createFairTurns<Member extends Turn>(aheadCrops: number): FairTurns<Member> {
  const members = new Map<string, Member>()
  /** What those without crops had been served, for as long as they are ahead of those that wait. */
  const ahead = new Map<string, number>()
  let virtual = 0

  return {
    get size() {
      return members.size
    },
    find: (name) => members.get(name),
    join(name, create) {
      const member = create(Math.max(virtual, ahead.get(name) ?? virtual))
      ahead.delete(name)
      members.set(name, member)
      return member
    },
    leave(member) {
      members.delete(member.name)
      if (members.size === 0) ahead.clear()
      else if (member.served > virtual) ahead.set(member.name, member.served)
      for (const [name, served] of ahead) if (served <= virtual) ahead.delete(name)
    },
    eachEligible(visit) {
      let least = Number.POSITIVE_INFINITY
      for (const { served } of members.values()) least = Math.min(least, served)
      // Those that left may have taken the others' lag with them.
      if (members.size > 0) virtual = Math.max(virtual, least)
      const limit = Math.max(least, virtual + aheadCrops)
      for (const member of members.values()) if (member.served <= limit) visit(member)
    },
    allowance({ served }) {
      if (members.size === 1) return Number.POSITIVE_INFINITY
      // A crop takes one of its own virtual time, while all gain one among them.
      return Math.max(1, Math.floor((virtual + aheadCrops - served) / (1 - 1 / members.size)))
    },
    serve(member, crops) {
      member.served += crops
      virtual += crops / members.size
    },
  }
}
