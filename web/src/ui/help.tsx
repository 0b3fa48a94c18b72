// The keys, and the words of the page.
import { Modal } from '@mantine/core';

const keys: [string, string][] = [
  ['/', 'search'],
  ['g h', 'home'],
  ['g e', 'endpoint'],
  ['g r', 'rollouts'],
  ['g a', 'alerts'],
  ['g x', 'experiments'],
  ['g m', 'models'],
  ['?', 'this help'],
  ['Esc', 'close'],
];
const words: [string, string][] = [
  ['Healthy', 'no open alert, and the newest judged windows pass'],
  ['Watch', 'something moved or is being changed; nothing for you to do yet'],
  ['Broken', 'inputs or results are wrong; it needs you'],
  ['Data quality', 'the input itself is broken: missing, unseen, out of range, contradicting what is known'],
  ['Drift', 'inputs are distributed differently than at training'],
  ['Concept drift', 'the same inputs lead to other outcomes than the model learned'],
  ['Performance', 'the predictions are worth less than when the model was made'],
];

export default function Help({ close }: { close: () => void }) {
  return (
    <Modal opened onClose={close} title="Keys and words" size="lg">
      <dl className="help-keys">
        {keys.map(([key, does]) => (
          <div key={key}>
            <dt>{key.split(' ').map((one) => <kbd key={one}>{one}</kbd>)}</dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
      <dl className="help-words">
        {words.map(([word, means]) => (
          <div key={word}>
            <dt>{word}</dt>
            <dd>{means}</dd>
          </div>
        ))}
      </dl>
    </Modal>
  );
}
