/** Any writing of one point in time. */
export const instant = (time: string): string => (Number.isNaN(Date.parse(time)) ? time : new Date(time).toISOString());
