// Addresses that MLflow's client prints ("View run at: .../#/experiments/1/runs/ab12") and their screens here.
const part = '([^/?]+)';
const screens: [RegExp, string][] = [
  [new RegExp(`^#/experiments/${part}/runs/${part}`), '/runs/$2'],
  [new RegExp(`^#/experiments/${part}`), '/experiments/$1'],
  [/^#\/experiments/, '/experiments'],
  [new RegExp(`^#/models/${part}`), '/models/$1'],
  [/^#\/models/, '/models'],
];

// Null for what is no such address.
export function screenOf(hash: string): string | null {
  for (const [pattern, screen] of screens) {
    const found = pattern.exec(hash);
    if (found) return screen.replace(/\$(\d)/g, (_, index: string) => found[Number(index)] ?? '');
  }
  return null;
}
