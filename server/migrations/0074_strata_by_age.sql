-- By what people who were carried over are told apart, and by which column where it is their age.
alter table sign_offs add column strata_by text not null default 'records';
alter table sign_offs add column born text;
