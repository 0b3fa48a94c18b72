// Asks for a name and a password, when the server has access control and does not know who looks.
import { Button, TextInput } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { signIn } from '../api';
import { setActor } from '../data';
import { signedIn } from '../session';
import { sentence } from '../words';

export default function SignIn() {
  const client = useQueryClient();
  const [user, setUser] = useState('');
  const [password, setPassword] = useState('');
  const entering = useMutation({
    mutationFn: () => signIn(user, password),
    onSuccess: () => {
      setActor(user);
      client.clear();
      signedIn();
    },
  });
  return (
    <main id="main" className="signin">
      <h1>
        <img src="/mark.svg" width="28" height="28" alt="" /> Sign in to Fettle
      </h1>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          entering.mutate();
        }}
      >
        <TextInput label="User" autoComplete="username" value={user} onChange={(event) => setUser(event.currentTarget.value)} required autoFocus />
        <TextInput type="password" label="Password" autoComplete="current-password" value={password} onChange={(event) => setPassword(event.currentTarget.value)} required />
        {entering.error && (
          <p className="confirm-error" role="alert">
            {sentence(entering.error.message)}
          </p>
        )}
        <Button type="submit" loading={entering.isPending}>Sign in</Button>
      </form>
    </main>
  );
}
