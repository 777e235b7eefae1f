/** Milliseconds of the processor's time since the process began: a busy machine does not lengthen them. */
export function processorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
