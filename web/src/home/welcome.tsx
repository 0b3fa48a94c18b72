// Before anything is deployed: the commands that get there.
import { Command } from '../ui/copy';

export function Welcome() {
  const server = location.origin;
  return (
    <div className="welcome">
      <h1>Nothing is deployed yet.</h1>
      <p>From a project’s folder, these three commands tell this server about the project, then make, check and deploy its first model:</p>
      <Command text={`export FETTLE_SERVER=${server}`} />
      <Command text="fettle apply" />
      <Command text="fettle pipeline run" />
      <p className="quiet">Later runs are rolled out step by step, and this page says how each of them fares.</p>
    </div>
  );
}
