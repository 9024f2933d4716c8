//! One number, however written, as E.164.

use std::fmt;
use std::str::FromStr;

use model::E164;
use rlibphonenumber::{
    NumberLengthType, PHONE_NUMBER_UTIL, ParseError, PhoneNumberFormat, Region, ValidationError,
};

use crate::{NumberFault, SheetError};

/// The country in whose national form the numbers without a plus are written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Country(Region);

impl Country {
    /// Russia.
    pub const RU: Self = Self(Region::RU);
}

impl FromStr for Country {
    type Err = SheetError;

    /// Two letters (ISO 3166-1), in any case.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unknown = || SheetError::UnknownCountry(text.to_owned());
        let code = text.trim().to_ascii_uppercase();
        let region: Region = code.parse().map_err(|_| unknown())?;
        // "001" and letters that no country has also parse; only a country has a calling code.
        match PHONE_NUMBER_UTIL.get_country_code_for_region(region) {
            Some(_) if code.len() == 2 && region != Region::World => Ok(Self(region)),
            _ => Err(unknown()),
        }
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Reads a number that is in use somewhere: with a plus anywhere in the world, otherwise in the country's
/// national form. An extension written into the text is dropped; [`crate::phone_cell`] splits it off before.
pub(crate) fn normalise(text: &str, country: Country) -> Result<E164, NumberFault> {
    match read(text, country) {
        Err(fault) => match international_by_zeros(text) {
            // ITU-T E.164 Annex / Rec. E.123: 00 is the recommended international prefix, and people copy it
            // across borders to where another one is dialled. No country's code begins with a zero.
            Some(text) => read(&text, country).map_err(|_| fault),
            None => Err(fault),
        },
        found => found,
    }
}

fn read(text: &str, country: Country) -> Result<E164, NumberFault> {
    let util = &*PHONE_NUMBER_UTIL;
    let number = util
        .parse(text, Some(country.0))
        .map_err(|e| fault_of(&e))?;
    if util.is_valid_number(&number) {
        let text = util.format(&number, PhoneNumberFormat::E164);
        // Germany has given out numbers of up to 17 digits; E.164 and the trunks end at 15.
        let most = "+".len() + 15;
        return text.parse().map_err(|_| {
            if text.len() > most {
                NumberFault::TooLong
            } else {
                NumberFault::TooShort
            }
        });
    }
    Err(match util.is_possible_number_with_reason(&number) {
        Ok(NumberLengthType::IsPossible) => NumberFault::NotInUse,
        Ok(NumberLengthType::IsPossibleLocalOnly) => NumberFault::NoAreaCode,
        Err(ValidationError::InvalidCountryCode) => NumberFault::UnknownCountryCode,
        Err(ValidationError::TooShort) => NumberFault::TooShort,
        Err(ValidationError::TooLong) => NumberFault::TooLong,
        Err(ValidationError::InvalidLength) => NumberFault::WrongLength,
    })
}

fn fault_of(error: &ParseError) -> NumberFault {
    match error {
        ParseError::InvalidCountryCode => NumberFault::UnknownCountryCode,
        ParseError::NotANumber(_) => NumberFault::NotANumber,
        ParseError::TooShortAfterIdd | ParseError::TooShortNsn => NumberFault::TooShort,
        ParseError::TooLongNsn => NumberFault::TooLong,
    }
}

fn international_by_zeros(text: &str) -> Option<String> {
    let rest = text.trim_start().strip_prefix("00")?;
    Some(format!("+{rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_country_is_two_letters_with_a_calling_code() {
        assert_eq!("ru".parse::<Country>().unwrap(), Country::RU);
        assert_eq!(" US ".parse::<Country>().unwrap().to_string(), "US");
        for text in ["", "R", "RUS", "001", "ZZ", "XX", "Я", "ЯЯ"] {
            assert!(text.parse::<Country>().is_err(), "{text}");
        }
    }

    #[test]
    fn numbers_in_any_form_become_e164() {
        for (text, country, number) in [
            ("+7 900 555-12-34", "RU", "+79005551234"),
            ("8 (900) 555-12-34", "RU", "+79005551234"),
            ("89005551234", "RU", "+79005551234"),
            ("79005551234", "RU", "+79005551234"),
            ("9005551234", "RU", "+79005551234"),
            // The second 8 belongs to the area code 834.
            ("88348728470", "RU", "+78348728470"),
            ("8-10-44-20-7946-0018", "RU", "+442079460018"),
            ("00 44 20 7946 0018", "RU", "+442079460018"),
            ("(201) 555-0123", "US", "+12015550123"),
            ("+1 201 555 0123", "RU", "+12015550123"),
            ("011 7 900 555 12 34", "US", "+79005551234"),
            ("020 7946 0018", "GB", "+442079460018"),
            ("06 1 234 5678", "HU", "+3612345678"),
            ("８（９００）５５５－１２－３４", "RU", "+79005551234"),
        ] {
            let read = normalise(text, country.parse().unwrap()).map(|n| n.to_string());
            assert_eq!(read.as_deref(), Ok(number), "{text} {country}");
        }
    }

    #[test]
    fn what_cannot_be_dialled_is_refused_with_the_reason() {
        for (text, fault) in [
            ("нет", NumberFault::NotANumber),
            ("", NumberFault::NotANumber),
            ("+999 123 45 67", NumberFault::UnknownCountryCode),
            ("12", NumberFault::TooShort),
            ("8900555", NumberFault::NoAreaCode),
            ("8 900 555 12 34 56", NumberFault::WrongLength),
            ("+7 100 555 12 34", NumberFault::NotInUse),
            ("12015550123", NumberFault::WrongLength),
            ("8 900 555 12 34 56 78 90", NumberFault::TooLong),
        ] {
            assert_eq!(
                normalise(text, Country::RU).map(|n| n.to_string()),
                Err(fault),
                "{text}"
            );
        }
    }

    #[test]
    fn numbers_read_as_google_reads_them() {
        let vectors = include_str!("../tests/data/phone_numbers.csv");
        let mut reader = csv::Reader::from_reader(vectors.as_bytes());
        let (mut valid, mut refused) = (0, 0);
        for record in reader.records() {
            let record = record.unwrap();
            let (region, raw, e164) = (&record[0], &record[1], &record[2]);
            let read = normalise(raw, region.parse().unwrap()).map(|n| n.to_string());
            match (&read, e164) {
                // Only what begins with 00 may be more than Google reads.
                (Ok(_), "-") if raw.starts_with("00") => {}
                (Err(_), "-") => refused += 1,
                (Err(NumberFault::TooLong), e164) if e164.len() > 16 => refused += 1,
                (Ok(number), e164) if number == e164 => valid += 1,
                _ => panic!("{raw} in {region}: {read:?}, Google {e164}"),
            }
        }
        assert!(valid > 3_000 && refused > 700, "{valid} {refused}");
    }
}
