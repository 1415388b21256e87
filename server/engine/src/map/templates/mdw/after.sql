-- Who may see and change what.
--
-- The tables' owner and roles that bypass row-level security (Supabase's service_role) are not
-- bound by this. Everybody else sees a row only if a policy says so; without a token, none does.
-- Policies ask functions that run as their owner and read the tables past the policies, so that
-- no policy has to ask another one about the same table.

-- Who asks.

-- The user named by the request's token, as Supabase and PostgREST hand it on.
create or replace function public.app_current_user() returns uuid
language sql stable set search_path = '' as $$
  select coalesce(
    nullif(current_setting('request.jwt.claim.sub', true), ''),
    nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub'
  )::uuid
$$;

create or replace function public.app_current_profile() returns uuid
language sql stable security definer set search_path = '' as $$
  select p.id from public.profiles p
  where p.auth_user_id = public.app_current_user() and p.is_active
$$;

create or replace function public.app_current_type() returns text
language sql stable security definer set search_path = '' as $$
  select p.profile_type::text from public.profiles p where p.id = public.app_current_profile()
$$;

create or replace function public.app_current_doctor() returns uuid
language sql stable security definer set search_path = '' as $$
  select d.id from public.doctors d
  where d.profile_id = public.app_current_profile() and d.is_active
$$;

-- Administrators and masters: everything.
create or replace function public.app_is_staff() returns boolean
language sql stable set search_path = '' as $$
  select coalesce(public.app_current_type() in ('admin', 'master'), false)
$$;

-- Those who make what is ordered: all clinical work of all clinics, no money.
create or replace function public.app_sees_all_work() returns boolean
language sql stable set search_path = '' as $$
  select coalesce(public.app_current_type() in ('technician', 'admin', 'master'), false)
$$;

-- What is theirs.

-- The offices in which the doctor works who asks.
create or replace function public.app_my_offices() returns setof uuid
language sql stable security definer set search_path = '' as $$
  select o.office_id from public.doctor_offices o where o.doctor_id = public.app_current_doctor()
$$;

-- Patients of the doctor who asks: his own, and those of his offices.
create or replace function public.app_patients_in_care() returns setof uuid
language sql stable security definer set search_path = '' as $$
  select p.id from public.patients p where p.doctor_id = public.app_current_doctor()
  union
  select p.id from public.patients p where p.office_id in (select public.app_my_offices())
  union
  select c.patient_id from public.patient_care c where c.doctor_id = public.app_current_doctor()
$$;

-- The same, and the patient who asks.
create or replace function public.app_my_patients() returns setof uuid
language sql stable security definer set search_path = '' as $$
  select p.id from public.patients p where p.profile_id = public.app_current_profile()
  union
  select public.app_patients_in_care()
$$;

create or replace function public.app_my_orders() returns setof uuid
language sql stable security definer set search_path = '' as $$
  select o.id from public.orders o where o.patient_id in (select public.app_my_patients())
$$;

-- Orders of patients in care: what a doctor sees beyond what the patient sees.
create or replace function public.app_orders_in_care() returns setof uuid
language sql stable security definer set search_path = '' as $$
  select o.id from public.orders o where o.patient_id in (select public.app_patients_in_care())
$$;

create or replace function public.app_my_plans() returns setof uuid
language sql stable security definer set search_path = '' as $$
  select t.id from public.treatment_plans t where t.order_id in (select public.app_my_orders())
$$;

create or replace function public.app_plans_in_care() returns setof uuid
language sql stable security definer set search_path = '' as $$
  select t.id from public.treatment_plans t where t.order_id in (select public.app_orders_in_care())
$$;

create or replace function public.app_my_projects() returns setof uuid
language sql stable security definer set search_path = '' as $$
  select p.id from public.projects p where p.order_id in (select public.app_my_orders())
  union
  select t.project_id from public.treatment_plans t
  where t.order_id in (select public.app_my_orders()) and t.project_id is not null
$$;

create or replace function public.app_my_files() returns setof uuid
language sql stable security definer set search_path = '' as $$
  select f.file_id from public.order_files f where f.order_id in (select public.app_my_orders())
$$;

-- People whose name somebody needs: patients in care, colleagues of the same office, and the
-- doctors of one's own treatment.
create or replace function public.app_known_doctors() returns setof uuid
language sql stable security definer set search_path = '' as $$
  select o.doctor_id from public.doctor_offices o
  where o.office_id in (select public.app_my_offices())
  union
  select p.doctor_id from public.patients p
  where p.id in (select public.app_my_patients()) and p.doctor_id is not null
$$;

create or replace function public.app_known_profiles() returns setof uuid
language sql stable security definer set search_path = '' as $$
  select p.profile_id from public.patients p where p.id in (select public.app_my_patients())
  union
  select d.profile_id from public.doctors d where d.id in (select public.app_known_doctors())
$$;

-- What somebody may change in a row that is theirs: only the columns that the trigger names.
-- Staff, and work without a token such as a service's own, may change all.
create or replace function public.app_guard_columns() returns trigger
language plpgsql set search_path = '' as $$
begin
  if public.app_current_user() is null or public.app_is_staff() then
    return new;
  end if;
  if to_jsonb(new) - tg_argv is distinct from to_jsonb(old) - tg_argv then
    raise exception 'only % of % may be changed', array_to_string(tg_argv, ', '), tg_table_name
      using errcode = 'insufficient_privilege';
  end if;
  return new;
end
$$;

-- On every table: closed, open to staff.

do $$
declare
  closed text;
begin
  foreach closed in array array[
    'groups', 'profiles', 'profile_groups', 'entity_types', 'permissions', 'roles',
    'role_permissions', 'user_settings', 'offices', 'doctors', 'doctor_settings', 'technicians',
    'doctor_offices', 'doctor_notes', 'patients', 'patient_care', 'patient_events', 'order_types',
    'products', 'offers', 'discounts', 'categories', 'templates', 'template_predecessors',
    'orders', 'cases', 'order_cases', 'jaws', 'order_state_history', 'projects',
    'treatment_plans', 'brackets', 'computational_agents', 'agent_instances', 'messages', 'files',
    'order_files', 'message_attachments', 'comments', 'read_receipts', 'notifications', 'tasks',
    'action_log', 'purchases', 'payments', 'payment_items', 'payment_operations', 'draft_orders'
  ] loop
    execute format('alter table public.%I enable row level security', closed);
    execute format(
      'create policy staff_everything on public.%I for all
       using ((select public.app_is_staff())) with check ((select public.app_is_staff()))',
      closed
    );
    if exists (select from pg_roles where rolname = 'authenticated') then
      execute format('grant select, insert, update, delete on public.%I to authenticated', closed);
    end if;
    if exists (select from pg_roles where rolname = 'anon') then
      execute format('revoke all on public.%I from anon', closed);
    end if;
  end loop;

  if exists (select from pg_roles where rolname = 'authenticated') then
    grant usage on schema public to authenticated;
  end if;

  -- The migration's own tables are nobody's but their owner's.
  for closed in select tablename from pg_tables where schemaname = 'transfuse' loop
    execute format('alter table transfuse.%I enable row level security', closed);
  end loop;
end
$$;

-- Words that everybody signed in may look up.

create policy signed_in_read on public.groups for select
  using ((select public.app_current_profile()) is not null);
create policy signed_in_read on public.entity_types for select
  using ((select public.app_current_profile()) is not null);
create policy signed_in_read on public.permissions for select
  using ((select public.app_current_profile()) is not null);
create policy signed_in_read on public.roles for select
  using ((select public.app_current_profile()) is not null);
create policy signed_in_read on public.role_permissions for select
  using ((select public.app_current_profile()) is not null);
create policy signed_in_read on public.order_types for select
  using ((select public.app_current_profile()) is not null);
create policy signed_in_read on public.products for select
  using ((select public.app_current_profile()) is not null);
create policy signed_in_read on public.categories for select
  using ((select public.app_current_profile()) is not null);
create policy signed_in_read on public.templates for select
  using ((select public.app_current_profile()) is not null);
create policy signed_in_read on public.template_predecessors for select
  using ((select public.app_current_profile()) is not null);

-- People.

create policy own_read on public.profiles for select
  using (id = (select public.app_current_profile()));
create policy known_read on public.profiles for select
  using (id in (select public.app_known_profiles()));
create policy work_read on public.profiles for select
  using ((select public.app_sees_all_work()));
create policy own_update on public.profiles for update
  using (id = (select public.app_current_profile()))
  with check (id = (select public.app_current_profile()));
create trigger guard_columns before update on public.profiles for each row
  execute function public.app_guard_columns('first_name', 'last_name', 'name_issue', 'email', 'phone', 'avatar_url');

create policy own_read on public.profile_groups for select
  using (profile_id = (select public.app_current_profile()));

create policy own_read on public.user_settings for select
  using (profile_id = (select public.app_current_profile()));
create policy own_insert on public.user_settings for insert
  with check (profile_id = (select public.app_current_profile()) and legacy_id is null);
create policy own_update on public.user_settings for update
  using (profile_id = (select public.app_current_profile()))
  with check (profile_id = (select public.app_current_profile()));
create trigger guard_columns before update on public.user_settings for each row
  execute function public.app_guard_columns('wants_email', 'requires_second_factor');

create policy own_read on public.doctors for select
  using (id = (select public.app_current_doctor()));
create policy known_read on public.doctors for select
  using (id in (select public.app_known_doctors()));
create policy work_read on public.doctors for select
  using ((select public.app_sees_all_work()));

create policy own_read on public.doctor_settings for select
  using (doctor_id = (select public.app_current_doctor()));

create policy author_read on public.doctor_notes for select
  using (author_id = (select public.app_current_profile()));

create policy own_read on public.technicians for select
  using (profile_id = (select public.app_current_profile()));
create policy work_read on public.technicians for select
  using ((select public.app_sees_all_work()));

-- Clinics.

create policy member_read on public.offices for select
  using (id in (select public.app_my_offices()));
create policy patient_read on public.offices for select
  using (id in (select p.office_id from public.patients p
                where p.profile_id = (select public.app_current_profile())));
create policy work_read on public.offices for select
  using ((select public.app_sees_all_work()));

create policy member_read on public.doctor_offices for select
  using (doctor_id = (select public.app_current_doctor())
         or office_id in (select public.app_my_offices()));
create policy work_read on public.doctor_offices for select
  using ((select public.app_sees_all_work()));

-- Patients.

create policy mine_read on public.patients for select
  using (id in (select public.app_my_patients()));
create policy work_read on public.patients for select
  using ((select public.app_sees_all_work()));
create policy care_update on public.patients for update
  using (id in (select public.app_patients_in_care()))
  with check (id in (select public.app_patients_in_care()));
create trigger guard_columns before update on public.patients for each row
  execute function public.app_guard_columns(
    'date_of_birth', 'sex', 'schemes', 'suffix', 'is_archived', 'is_suspended', 'updated_at');

create policy mine_read on public.patient_care for select
  using (patient_id in (select public.app_my_patients()));
create policy work_read on public.patient_care for select
  using ((select public.app_sees_all_work()));

create policy mine_read on public.patient_events for select
  using (patient_id in (select public.app_my_patients()));
create policy work_read on public.patient_events for select
  using ((select public.app_sees_all_work()));
create policy care_insert on public.patient_events for insert
  with check (patient_id in (select public.app_patients_in_care()) and legacy_id is null);
create policy care_update on public.patient_events for update
  using (patient_id in (select public.app_patients_in_care()))
  with check (patient_id in (select public.app_patients_in_care()));
create trigger guard_columns before update on public.patient_events for each row
  execute function public.app_guard_columns('title', 'event_date', 'is_completed');

-- Orders and cases.

create policy mine_read on public.orders for select
  using (patient_id in (select public.app_my_patients()));
create policy work_read on public.orders for select
  using ((select public.app_sees_all_work()));
-- A doctor orders for patients in his care, in his own name; what it costs is not his to say.
create policy doctor_insert on public.orders for insert
  with check (doctor_id = (select public.app_current_doctor())
              and patient_id in (select public.app_patients_in_care())
              and (office_id is null or office_id in (select public.app_my_offices()))
              and status in ('no_product', 'submitted')
              and price is null and legacy_id is null and not is_deleted);
create policy care_update on public.orders for update
  using (patient_id in (select public.app_patients_in_care()))
  with check (patient_id in (select public.app_patients_in_care()));
create policy work_update on public.orders for update
  using ((select public.app_sees_all_work()))
  with check ((select public.app_sees_all_work()));
create trigger guard_columns before update on public.orders for each row
  execute function public.app_guard_columns(
    'status', 'model', 'scanner', 'scanner_notes', 'notes', 'exports', 'conditions', 'complaint',
    'objective', 'has_cbct', 'accepts_extraction', 'is_comprehensive', 'submitted_at', 'updated_at');

create policy mine_read on public.cases for select
  using (patient_id in (select public.app_my_patients()));
create policy work_read on public.cases for select
  using ((select public.app_sees_all_work()));

create policy mine_read on public.order_cases for select
  using (order_id in (select public.app_my_orders()));
create policy work_read on public.order_cases for select
  using ((select public.app_sees_all_work()));

create policy mine_read on public.jaws for select
  using (order_id in (select public.app_my_orders()));
create policy work_read on public.jaws for select
  using ((select public.app_sees_all_work()));

create policy mine_read on public.order_state_history for select
  using (order_id in (select public.app_my_orders()));
create policy work_read on public.order_state_history for select
  using ((select public.app_sees_all_work()));

-- Designs.

create policy mine_read on public.projects for select
  using (id in (select public.app_my_projects()));
create policy work_read on public.projects for select
  using ((select public.app_sees_all_work()));
create policy work_insert on public.projects for insert
  with check ((select public.app_sees_all_work()) and legacy_id is null
              and creator_id = (select public.app_current_profile()));

create policy mine_read on public.treatment_plans for select
  using (order_id in (select public.app_my_orders()));
create policy work_read on public.treatment_plans for select
  using ((select public.app_sees_all_work()));
create policy work_insert on public.treatment_plans for insert
  with check ((select public.app_sees_all_work()) and legacy_id is null);

create policy mine_read on public.brackets for select
  using (project_id in (select public.app_my_projects()));
create policy work_read on public.brackets for select
  using ((select public.app_sees_all_work()));

create policy work_read on public.computational_agents for select
  using ((select public.app_sees_all_work()));
create policy work_read on public.agent_instances for select
  using ((select public.app_sees_all_work()));

-- Conversations. Patients see what is public about themselves; doctors and technicians the rest.

create policy party_read on public.messages for select
  using (sender_id = (select public.app_current_profile())
         or recipient_id = (select public.app_current_profile()));
create policy mine_read on public.messages for select
  using (is_public and (patient_id in (select public.app_my_patients())
                        or order_id in (select public.app_my_orders())
                        or treatment_plan_id in (select public.app_my_plans())));
create policy care_read on public.messages for select
  using (patient_id in (select public.app_patients_in_care())
         or order_id in (select public.app_orders_in_care())
         or treatment_plan_id in (select public.app_plans_in_care()));
create policy work_read on public.messages for select
  using ((select public.app_sees_all_work()));
create policy sender_insert on public.messages for insert
  with check (sender_id = (select public.app_current_profile()) and legacy_id is null
              and (recipient_id is null or recipient_id in (select public.app_known_profiles())
                   or (select public.app_sees_all_work()))
              and (patient_id is null or patient_id in (select public.app_my_patients())
                   or (select public.app_sees_all_work()))
              and (order_id is null or order_id in (select public.app_my_orders())
                   or (select public.app_sees_all_work()))
              and (treatment_plan_id is null or treatment_plan_id in (select public.app_my_plans())
                   or (select public.app_sees_all_work()))
              and coalesce(recipient_id, patient_id, order_id, treatment_plan_id) is not null);
create policy sender_update on public.messages for update
  using (sender_id = (select public.app_current_profile()))
  with check (sender_id = (select public.app_current_profile()));
create trigger guard_columns before update on public.messages for each row
  execute function public.app_guard_columns('body', 'is_public');

-- The policies of the table that is asked here hold for the question too.
create policy message_read on public.message_attachments for select
  using (message_id in (select m.id from public.messages m));

create policy order_read on public.files for select
  using (id in (select public.app_my_files()));
create policy message_read on public.files for select
  using (id in (select a.file_id from public.message_attachments a)
         or message_id in (select m.id from public.messages m));
create policy work_read on public.files for select
  using ((select public.app_sees_all_work()));
create policy work_insert on public.files for insert
  with check ((select public.app_sees_all_work()) and legacy_id is null);

create policy mine_read on public.order_files for select
  using (order_id in (select public.app_my_orders()));
create policy work_read on public.order_files for select
  using ((select public.app_sees_all_work()));
create policy work_insert on public.order_files for insert
  with check ((select public.app_sees_all_work()) and legacy_id is null);

create policy author_read on public.comments for select
  using (author_id = (select public.app_current_profile()));
create policy care_read on public.comments for select
  using (treatment_plan_id in (select public.app_plans_in_care()));
create policy work_read on public.comments for select
  using ((select public.app_sees_all_work()));
create policy author_insert on public.comments for insert
  with check (author_id = (select public.app_current_profile()) and legacy_id is null
              and (treatment_plan_id in (select public.app_plans_in_care())
                   or (treatment_plan_id is not null and (select public.app_sees_all_work()))));
create policy author_update on public.comments for update
  using (author_id = (select public.app_current_profile()))
  with check (author_id = (select public.app_current_profile()));
create trigger guard_columns before update on public.comments for each row
  execute function public.app_guard_columns('body');

create policy own_read on public.read_receipts for select
  using (profile_id = (select public.app_current_profile()));
create policy own_insert on public.read_receipts for insert
  with check (profile_id = (select public.app_current_profile()) and legacy_id is null);

create policy own_read on public.notifications for select
  using (recipient_id = (select public.app_current_profile()));
create policy own_update on public.notifications for update
  using (recipient_id = (select public.app_current_profile()))
  with check (recipient_id = (select public.app_current_profile()));
create trigger guard_columns before update on public.notifications for each row
  execute function public.app_guard_columns('is_read');

-- Work.

create policy care_read on public.tasks for select
  using (order_id in (select public.app_orders_in_care()));
create policy work_read on public.tasks for select
  using ((select public.app_sees_all_work()));
create policy work_insert on public.tasks for insert
  with check ((select public.app_sees_all_work()) and legacy_id is null);
create policy work_update on public.tasks for update
  using ((select public.app_sees_all_work()))
  with check ((select public.app_sees_all_work()));
create trigger guard_columns before update on public.tasks for each row
  execute function public.app_guard_columns(
    'status', 'is_checked', 'done_at', 'body', 'assigned_to_id', 'file_id');

create policy own_read on public.action_log for select
  using (profile_id = (select public.app_current_profile()));

-- Money: a doctor's own, and that of his offices.

create policy doctor_read on public.offers for select
  using (doctor_id = (select public.app_current_doctor())
         or (doctor_id is null and (select public.app_current_doctor()) is not null));
create policy offer_read on public.discounts for select
  using (offer_id in (select o.id from public.offers o));
create policy doctor_read on public.purchases for select
  using (doctor_id = (select public.app_current_doctor()));
create policy doctor_read on public.draft_orders for select
  using (doctor_id = (select public.app_current_doctor()));

create policy doctor_read on public.payments for select
  using (doctor_id = (select public.app_current_doctor())
         or office_id in (select public.app_my_offices()));
create policy payment_read on public.payment_items for select
  using (payment_id in (select p.id from public.payments p));
create policy payment_read on public.payment_operations for select
  using (payment_id in (select p.id from public.payments p));
