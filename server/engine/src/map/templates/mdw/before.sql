-- The roles of signed-in and of anonymous requests. Supabase has them. Elsewhere they are made if
-- this user may make roles; if not, the policies hold all the same, for whatever roles there are.
do $$
declare
  wanted text;
begin
  foreach wanted in array array['anon', 'authenticated'] loop
    if not exists (select from pg_roles where rolname = wanted) then
      begin
        execute format('create role %I nologin', wanted);
      exception
        -- Not allowed, or another database of this server made it just now.
        when insufficient_privilege or duplicate_object or unique_violation then null;
      end;
    end if;
  end loop;
end
$$;
